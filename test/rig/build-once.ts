/** Before the first test: the bundled command line, made from the sources under test. */
import { buildAll } from '../../build.mjs';

export default async function setup(): Promise<void> {
  await buildAll();
}
