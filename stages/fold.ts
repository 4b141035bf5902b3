/** The training texts of all pages but one fold's: what a memory that must not know them learns. */
import { translateErrors } from '../src/fever/data-error.ts';
import { recordOf, stringOf } from '../src/fever/field.ts';
import { dealFolds, outsideFold } from '../src/fever/fold.ts';
import { readJsonLines, writeJsonLines } from '../src/fever/json-lines.ts';
import { readPageTexts } from '../src/fever/truncation.ts';
import { defineStage, StageError, Type } from '../src/pipe/stage.ts';

export default defineStage({
  description: 'Leaves the pages of one fold out of the documents and examples.',
  params: Type.Object({
    fold: Type.Integer({ minimum: 0, description: 'The fold whose pages are left out.' }),
    folds: Type.Integer({
      minimum: 2,
      default: 2,
      description: 'How many the pages are dealt into.',
    }),
  }),
  inputs: {
    documents: { kind: 'file', refuse: ['dev'], description: '`templates`’ documents.' },
    examples: { kind: 'file', refuse: ['dev'], description: '`templates`’ examples.' },
  },
  outputs: {
    documents: { path: 'documents.jsonl', labels: [] },
    examples: { path: 'examples.jsonl', labels: ['train'] },
    // Titles and numbers only.
    folds: { path: 'folds.jsonl', labels: [] },
  },
  run: ({ params, inputs, outputs, seed, note }) =>
    translateErrors(StageError, () => {
      const { fold, folds: count } = params;
      if (fold >= count) {
        throw new StageError(`there is no fold ${fold} of ${count}`, {
          hint: `folds are counted from 0 to ${count - 1}`,
        });
      }
      const documents = readPageTexts(inputs.documents.path);
      const folds = dealFolds(
        documents.map(({ page }) => page),
        count,
        seed,
      );
      const examples = [...readJsonLines(inputs.examples.path, withPage)];
      const kept = {
        documents: outsideFold(documents, folds, fold),
        examples: outsideFold(examples, folds, fold),
      };
      writeJsonLines(outputs.documents, kept.documents);
      writeJsonLines(outputs.examples, kept.examples);
      writeJsonLines(
        outputs.folds,
        [...folds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([page, own]) => ({ page, fold: own })),
      );
      note(
        `without fold ${fold} of ${count}: ${kept.documents.length} of ${documents.length} pages, ` +
          `${kept.examples.length} of ${examples.length} examples`,
      );
    }),
});

/** An example as it stands, with its page checked: this stage passes the rest on as it is. */
function withPage(value: unknown): { page: string } {
  const record = recordOf(value);
  return { ...record, page: stringOf(record.page, 'page') };
}
