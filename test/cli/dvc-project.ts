/** A project as DVC knows it, whose commands need nothing but a shell: every form that `init --from` maps. */
export const DVC_PROJECT: { readonly [name: string]: string } = {
  'params.yaml': `split: 2
train: { rate: 0.1, kinds: [a, b], deep: { on: true } }
regions: { north: { file: n }, south: { file: s } }
`,
  'extra.json': '{"tail": 1}\n',
  'raw/n.txt': 'n1\nn2\nn3\n',
  'raw/s.txt': 's1\ns2\ns3\n',
  'code/train.sh': `set -e
grep -v '^#' params.yaml > /dev/null
cat data/parts/*.txt | sed "s/^/$1-/" > models/$1.bin
printf '{"lines": %s}\\n' "$(wc -l < models/$1.bin | tr -d ' ')" > models/$1.json
`,
  'dvc.yaml': `vars:
  - tag: x y
stages:
  fetch:
    foreach: \${regions}
    do:
      cmd: head -n \${split} raw/\${item.file}.txt > data/\${key}.txt && echo \${tag} >> data/\${key}.txt
      deps: ["raw/\${item.file}.txt"]
      outs: ["data/\${key}.txt"]
  join:
    cmd:
      - mkdir -p data/parts
      - cp data/north.txt data/parts/one.txt
      - cp data/south.txt data/parts/two.txt
    deps: [data/north.txt, data/south.txt]
    outs:
      - data/parts
  train:
    matrix:
      kind: \${train.kinds}
    cmd: sh code/train.sh \${item.kind}
    deps: [code/train.sh, data/parts/one.txt]
    params: [train.rate, train.deep]
    outs:
      - models/\${item.kind}.bin:
          persist: true
    metrics:
      - models/\${item.kind}.json: { cache: false }
  score:
    wdir: reports
    desc: puts it together
    cmd: cat ../models/b.bin | tail -n $(tr -dc 0-9 < ../extra.json) > score.txt
    deps: [../models/b.bin]
    params:
      - ../extra.json: [tail]
    plots:
      - score.txt: { x: step }
  frozen:
    cmd: echo \\\${HOME_OF_NOTHING:-none} > f.txt
    frozen: true
    outs: [f.txt]
  sized:
    matrix: { size: [{ n: 1 }, { n: 2 }] }
    cmd: mkdir -p out && mkdir out/size-\${item.size.n} && echo \${item.size.n} > out/size-\${item.size.n}/n
    outs: ["out/size-\${item.size.n}"]
plots:
  - models/a.json
`,
};
