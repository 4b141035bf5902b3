/**
 * How long the sample's experiment takes from nothing, and how long it takes again when nothing
 * changed (median of 9, alternating with `node -e 0`). `node bench/sample-run.mjs`
 */
import { copyPipeline, machine, median, nodeStartMs } from './copy.mjs';

const { pipe, remove } = copyPipeline();
try {
  const first = pipe('run', 'eval', '--json');
  const events = first.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  console.log(machine());
  console.log(`pipe run eval, from nothing: ${(first.wallMs / 1000).toFixed(0)} s`);
  for (const event of events.filter(({ type }) => type === 'taskRan')) {
    const memory = (event.peakRssBytes / 2 ** 20).toFixed(0);
    console.log(`  ${event.task}: ${(event.wallMs / 1000).toFixed(1)} s, peak ${memory} MiB`);
  }
  const again = [];
  const floor = [];
  for (let round = 0; round < 9; round++) {
    again.push(pipe('run', 'eval').wallMs);
    floor.push(nodeStartMs());
  }
  const ratio = (median(again) / median(floor)).toFixed(1);
  console.log(`again, nothing changed: ${median(again).toFixed(0)} ms, ${ratio} × node -e 0`);
} finally {
  remove();
}
