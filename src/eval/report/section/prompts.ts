/** What the models were asked, word for word, and how long it is. */
import { type Block, details, heading, type Listing, paragraph, type Table } from '../document.ts';
import { grouped } from '../number-text.ts';
import type { Report } from '../report.ts';
import type { ModelResults, PromptInfo } from '../results-file.ts';

export function promptBlocks({ models }: Report): Block[] {
  const own = models.flatMap((results) =>
    results.prompts === undefined ? [] : [{ results, prompts: results.prompts }],
  );
  if (own.length === 0) return [];
  return [
    heading(2, 'Prompts'),
    paragraph(
      'One question of each kind, as the model reads it. The answers are compared after the last line.',
    ),
    ...own.map(({ results, prompts }) => tokenTable(results, prompts)),
    ...own[0]!.prompts.flatMap(exampleBlock),
  ];
}

function tokenTable({ model }: ModelResults, prompts: readonly PromptInfo[]): Table {
  return {
    kind: 'table',
    caption: `${model}: tokens of a prompt`,
    head: ['shots', 'questions', 'fewest', 'median', 'most'],
    rows: prompts.map(({ shots, questions, tokens }) =>
      [shots, questions, tokens.min, tokens.median, tokens.max].map(grouped),
    ),
    words: 0,
  };
}

function exampleBlock({ shots, example }: PromptInfo): Block[] {
  const listing: Listing = { kind: 'listing', text: example.prompt };
  return [
    details(`${shots} shots: claim ${example.claimId}, ${grouped(example.tokens)} tokens`, listing),
  ];
}
