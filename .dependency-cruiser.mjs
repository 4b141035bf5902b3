/** The walls between the rooms of src/, each with its reason. `npm run walls` holds them. */
const wall = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

export default {
  forbidden: [
    wall(
      'pipe-alone',
      'The build system knows no tensor, no claim and no terminal: it must serve any experiment.',
      { path: '^src/pipe/' },
      { path: '^(src/(?!pipe/)|stages/|models/|data/)' },
    ),
    wall(
      'tensor-alone',
      'The backend is chosen below everything that computes.',
      { path: '^src/tensor/' },
      { path: '^(src/(?!tensor/)|stages/)' },
    ),
    wall(
      'lm-on-tensor',
      'A language model is arithmetic on files: it knows no memory, no claim and no engine.',
      { path: '^src/lm/' },
      { path: '^(src/(?!lm/|tensor/)|stages/)' },
    ),
    wall(
      'memory-on-lm',
      'A memory adds to a frozen model and is trained on token ids: it knows no claim and no engine.',
      { path: '^src/memory/' },
      { path: '^(src/(?!memory/|lm/|tensor/)|stages/)' },
    ),
    wall(
      'ask-on-memory',
      'A model is asked outside of any pipeline: its program knows models and memories, no engine.',
      { path: '^src/ask/' },
      { path: '^(src/(?!ask/|memory/|lm/|tensor/)|stages/)' },
    ),
    wall(
      'hub-alone',
      'Fetching files knows no tensor and no engine: a model is a folder of files until it is loaded.',
      { path: '^src/hub/' },
      { path: '^(src/(?!hub/)|stages/)' },
    ),
    wall(
      'fever-alone',
      'Claims and pages are pure data.',
      { path: '^src/fever/' },
      { path: '^(src/(?!fever/)|stages/)' },
    ),
    wall(
      'eval-on-fever',
      'Scores and statistics never import a memory: the same code scores every candidate.',
      { path: '^src/eval/' },
      { path: '^(src/(?!eval/|fever/)|stages/)' },
    ),
    wall(
      'faces-on-pipe',
      'The command line and the page show what the engine says, nothing of the experiment.',
      { path: '^src/(cli|ui)/' },
      { path: '^(src/(?!cli/|ui/|pipe/)|stages/)' },
    ),
    wall(
      'stages-wire',
      'Stages use the engine through its one door.',
      { path: '^(stages|models/stages)/' },
      { path: '^src/(cli|ui|pipe/(?!stage\\.ts))' },
    ),
    wall(
      'tensorflow-inside',
      'TensorFlow.js stays where tensors are: elsewhere numbers travel as typed arrays.',
      { path: '^(src/(?!tensor/|lm/|memory/|ask/)|stages/)' },
      { path: 'node_modules/@tensorflow' },
    ),
    wall('no-circle', 'A circle of imports has no place to start reading.', {}, { circular: true }),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.mjs', '.js', '.json'] },
  },
};
