/**
 * The scripts that shells load. Each hands over the words of the line and shows what comes back; file
 * names follow where nothing does.
 */

/**
 * Bash breaks words at `=` and `:` (COMP_WORDBREAKS), but wants only the rest behind the last break: so
 * the line is split at blanks here, and what bash already has is cut off what it is given. It breaks in
 * front of `@` and `$`, not behind them.
 */
const BASH = `# pipe completion for bash: source <(pipe completion bash)
_pipe_complete() {
  local line=\${COMP_LINE:0:COMP_POINT} words=() current at prefix=''
  read -r -a words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=\${words[\${#words[@]}-1]}
  local IFS=$'\\n'
  COMPREPLY=($("\${words[0]}" completion words -- "\${words[@]:1}" 2>/dev/null))
  for ((at = \${#current}; at > 0; at--)); do
    [[ $COMP_WORDBREAKS == *"\${current:at-1:1}"* ]] || continue
    [[ \${current:at-1:1} == [@$] ]] && ((at -= 1))
    prefix=\${current:0:at}
    break
  done
  COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace
  return 0
}
complete -o default -F _pipe_complete pipe
`;

const ZSH = `#compdef pipe
# pipe completion for zsh: source <(pipe completion zsh), after compinit
_pipe_complete() {
  local -a found
  found=("\${(@f)$("\${words[1]}" completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=(\${found:#})
  if (( \${#found} == 0 )); then
    _files
  else
    local -a open=(\${(M)found:#*=}) whole=(\${found:#*=})
    (( \${#open} )) && compadd -S '' -- "\${open[@]}"
    (( \${#whole} )) && compadd -- "\${whole[@]}"
  fi
}
compdef _pipe_complete pipe
`;

const FISH = `# pipe completion for fish: pipe completion fish | source
function __pipe_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] completion words -- $words[2..-1] 2>/dev/null
end
complete -c pipe -f -a '(__pipe_complete)'
complete -c pipe -n '__fish_seen_argument -s f -l file' -F
`;

export const SHELL_SCRIPTS: { readonly [shell: string]: string } = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
};
