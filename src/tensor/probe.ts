/** A program: starts the backend named by its argument (default: as the product would) and prints the choice as JSON. */
import { startBackend } from './backend.ts';

process.stdout.write(`${JSON.stringify(await startBackend(process.argv[2]))}\n`);
