/**
 * A program: fetches a model from the Hugging Face Hub into a folder. Started by `pipe lm fetch` with a
 * FetchRequest as its argument. Exit codes: 0 done, 1 the network or the disk failed, 2 the words are
 * wrong.
 */
import { fetchModel, type HubAccess, resolveRevision } from './fetch-model.ts';
import { HubError } from './hub-error.ts';
import { isCommit, parseModelName } from './model-name.ts';
import { progressText } from './progress-bar.ts';

interface FetchRequest {
  /** OWNER/NAME@REVISION. */
  readonly model: string;
  readonly folder: string;
  readonly only: readonly string[];
  readonly hub?: string;
}

async function run({ model: text, folder, only, hub }: FetchRequest): Promise<number> {
  const model = parseModelName(text);
  const access = accessTo(hub);
  if (!isCommit(model.revision)) {
    const commit = await resolveRevision(model, access);
    process.stdout.write(`${model.name}@${commit}\n`);
    process.stderr.write(
      `${model.revision} may move, so a commit is fetched and no branch:\n` +
        `  pipe lm fetch ${model.name}@${commit} ${folder}\n`,
    );
    return 2;
  }
  const columns = process.stderr.isTTY ? process.stderr.columns : undefined;
  await fetchModel({ model, folder, only }, access, {
    planned: (files) => {
      const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      process.stderr.write(`${files.length} files, ${(bytes / 1e6).toFixed(1)} MB\n`);
    },
    progress: (file, doneBytes, kept) => {
      process.stderr.write(progressText(file, doneBytes, kept, columns));
    },
  });
  process.stdout.write(`${folder}\n`);
  return 0;
}

/** The variables are those of Hugging Face's own tools. */
function accessTo(hub: string | undefined): HubAccess {
  const { HF_ENDPOINT, HF_TOKEN } = process.env;
  const hubUrl = (hub ?? HF_ENDPOINT ?? 'https://huggingface.co').replace(/\/+$/, '');
  return HF_TOKEN ? { hubUrl, token: HF_TOKEN } : { hubUrl };
}

try {
  process.exitCode = await run(JSON.parse(process.argv[2] ?? '') as FetchRequest);
} catch (error) {
  if (!(error instanceof HubError)) throw error;
  process.stderr.write(`${error.message}${error.hint ? `\n  hint: ${error.hint}` : ''}\n`);
  process.exitCode = 1;
}
