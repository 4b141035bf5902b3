/**
 * Binds the inputs of one task: to the cells of an upstream stage that agree on the shared axes, or
 * to files of the project. Knows no content.
 */
import { nearestName, suggest } from '../config/nearest-name.ts';
import type { InputSpec } from '../config/pipeline.ts';
import { textOf } from '../config/reference.ts';
import type { Diagnostic } from '../diagnostic.ts';
import type { InputDeclaration } from '../stage.ts';
import { type Cell, fillIn, taskId } from './cell.ts';
import { placeIn } from './place.ts';
import type { PlannedStage } from './planned-stage.ts';
import { splitReference, stageOfSource } from './reference.ts';
import { isGlob, missingSource, sourceKind, sourceProblem } from './source.ts';
import type { InputShape, TaskInput, UpstreamOutput } from './task.ts';

export interface BindOptions {
  readonly root: string;
  readonly stage: PlannedStage;
  readonly cell: Cell;
  readonly stages: ReadonlyMap<string, PlannedStage>;
}

export interface Bound {
  readonly inputs: readonly TaskInput[];
  readonly diagnostics: readonly Diagnostic[];
}

export function bindInputs(options: BindOptions): Bound {
  const { stage } = options;
  const declared = stage.code?.declaration.inputs;
  const inputs: TaskInput[] = [];
  const diagnostics: Diagnostic[] = [...unwired(stage)];
  for (const spec of stage.spec.inputs) {
    const declaration = declared?.[spec.name];
    if (declared && declaration === undefined) diagnostics.push(unknownInput(stage, spec));
    else {
      const binding = new Binding(options, spec, declaration);
      const input = binding.bind();
      if (input) inputs.push(input);
      diagnostics.push(...binding.diagnostics);
    }
  }
  return { inputs, diagnostics };
}

function unwired({ spec, code }: PlannedStage): Diagnostic[] {
  if (code === undefined) return [];
  const given = new Set(spec.inputs.map(({ name }) => name));
  const declared = Object.entries(code.declaration.inputs);
  return declared
    .filter(([name, { optional }]) => !optional && !given.has(name))
    .map(([name, { description }]) => ({
      code: 'missing-input',
      message: `${spec.name} has no input "${name}", which its code needs.`,
      ...placeIn(spec, ''),
      hint: `Add "${name}: …" under inputs.${description ? ` ${description}` : ''}`,
    }));
}

function unknownInput({ spec, code }: PlannedStage, input: InputSpec): Diagnostic {
  return {
    code: 'unknown-input',
    message: `${spec.name} declares no input "${input.name}".`,
    ...placeIn(spec, `inputs.${input.name}:key`),
    hint: suggest(input.name, Object.keys(code?.declaration.inputs ?? {}), 'inputs'),
  };
}

/** The work on one input; problems gather in `diagnostics`. */
class Binding {
  readonly diagnostics: Diagnostic[] = [];
  private readonly options: BindOptions;
  private readonly spec: InputSpec;
  private readonly declaration: InputDeclaration | undefined;
  private readonly upstream: UpstreamOutput[] = [];
  private readonly patterns: string[] = [];
  private hasFolder = false;
  private hasMany = false;

  constructor(options: BindOptions, spec: InputSpec, declaration: InputDeclaration | undefined) {
    this.options = options;
    this.spec = spec;
    this.declaration = declaration;
  }

  bind(): TaskInput | undefined {
    for (const [index, source] of this.spec.sources.entries()) {
      const filled = fillIn(source, this.options.cell);
      const list = Array.isArray(filled) ? filled.map(textOf) : [textOf(filled)];
      for (const text of list) this.addSource(text, index);
    }
    if (this.upstream.length > 0 && this.patterns.length > 0) {
      this.report('mixed-input', 'takes both upstream outputs and files', 'Make it two inputs.');
    }
    const shape = this.declaration?.kind ?? this.inferredShape();
    if (this.diagnostics.length === 0) this.checkShape(shape);
    if (this.diagnostics.length > 0) return undefined;
    const common = { name: this.spec.name, shape, optional: this.declaration?.optional ?? false };
    return this.upstream.length > 0
      ? { kind: 'upstream', ...common, from: this.upstream }
      : { kind: 'source', ...common, patterns: this.patterns };
  }

  private addSource(source: string, index: number): void {
    const stage = stageOfSource(source, this.options.stages);
    if (stage !== undefined) this.addUpstream(stage, splitReference(source)![1], index);
    else this.addFiles(source, index);
  }

  private addUpstream(stageName: string, output: string, index: number): void {
    const upstream = this.options.stages.get(stageName)!;
    const known = upstream.outputs.find(({ name }) => name === output);
    if (known === undefined) {
      const names = upstream.outputs.map(({ name }) => name);
      const nearest = nearestName(output, names);
      const isFile = sourceKind(this.options.root, `${stageName}.${output}`) === 'file';
      const hint = isFile
        ? `To mean the file, write "./${stageName}.${output}".`
        : nearest
          ? `Did you mean "${stageName}.${nearest}"?`
          : suggest(output, names, `outputs of ${stageName}`);
      this.report(
        'unknown-output',
        `reads ${stageName}.${output}, but ${stageName} has no output "${output}"`,
        hint,
        index,
      );
      return;
    }
    const cells = upstream.cells.filter((other) => agrees(other, this.options.cell));
    if (cells.length === 0) {
      this.report(
        'no-cell',
        `finds no cell of ${stageName} with the same ${sharedAxes(upstream, this.options.cell)}`,
        `Give both stages the same values there.`,
        index,
      );
    }
    if (known.folder) this.hasFolder = true;
    if (cells.length > 1) this.hasMany = true;
    for (const { labels } of cells) {
      this.upstream.push({ task: taskId(stageName, labels), output, labels });
    }
  }

  private addFiles(source: string, index: number): void {
    const problem = sourceProblem(this.options.root, source);
    if (problem !== undefined) {
      this.report(problem.code, `reads ${source}, ${problem.what}`, problem.hint, index);
      return;
    }
    const kind = sourceKind(this.options.root, source);
    if (kind === 'missing' && !this.declaration?.optional) {
      this.diagnostics.push(this.missing(source, index));
      return;
    }
    const isFolder = kind === 'folder' || (kind === 'missing' && source.endsWith('/'));
    if (isFolder) this.hasFolder = true;
    if (isGlob(source)) this.hasMany = true;
    const path = source.replace(/^(?:\.\/)+(?=.)/, '').replace(/(?<=.)\/$/, '');
    // A folder in a list of files stands for all files in it.
    const isSpread = isFolder && this.declaration?.kind === 'files';
    this.patterns.push(isSpread ? `${path}/**` : path);
  }

  /** A missing file, unless it is written like an output of a stage that does not exist. */
  private missing(source: string, index: number): Diagnostic {
    const { root, stage, stages } = this.options;
    const place = placeIn(stage.spec, this.pathOf(index));
    const file = missingSource(root, source, `Input "${this.spec.name}" of ${stage.spec.name}`);
    const reference = splitReference(source);
    const nearest = nearestName(reference?.[0] ?? source, stages.keys());
    if (file.hint !== undefined || (reference === undefined && nearest === undefined)) {
      return { ...file, ...place };
    }
    if (reference === undefined) return this.bareStage(nearest!, source, index);
    return {
      code: 'unknown-stage',
      message: `Input "${this.spec.name}" of ${stage.spec.name} reads ${source}, but there is neither a stage "${reference[0]}" nor such a file.`,
      ...place,
      hint: nearest
        ? `Did you mean "${nearest}.${reference[1]}"?`
        : suggest(reference[0], stages.keys(), 'stages'),
    };
  }

  private bareStage(name: string, source: string, index: number): Diagnostic {
    const { stage, stages } = this.options;
    const outputs = stages.get(name)!.outputs.map((output) => `${name}.${output.name}`);
    return {
      code: 'missing-file',
      message: `Input "${this.spec.name}" of ${stage.spec.name} reads ${source}, but there is no such file.`,
      ...placeIn(stage.spec, this.pathOf(index)),
      hint: `An upstream output is written STAGE.OUTPUT: ${outputs.join(', ')}.`,
    };
  }

  private inferredShape(): InputShape {
    if (this.upstream.length > 0) {
      if (this.hasMany) return 'fan-in';
      return this.upstream.length > 1 ? 'files' : this.hasFolder ? 'folder' : 'file';
    }
    if (this.hasMany || this.patterns.length > 1) return 'files';
    return this.hasFolder ? 'folder' : 'file';
  }

  private checkShape(shape: InputShape): void {
    const count = this.upstream.length + this.patterns.length;
    if (shape === 'fan-in') {
      if (this.patterns.length > 0) {
        this.report(
          'bad-input',
          'takes one entry a cell of a stage, not files',
          'Name an output: STAGE.OUTPUT.',
        );
      }
      return;
    }
    if (this.upstream.length > 0 && this.hasMany) {
      this.report(
        'fan-in',
        `takes ${shape === 'file' ? 'one file' : `a ${shape} input`}, but ${this.upstream.length} cells match: ${this.upstream.map(({ task }) => task).join(', ')}`,
        `Declare its kind as 'fan-in', or give ${this.options.stage.spec.name} the same matrix axis.`,
      );
      return;
    }
    if (shape === 'files') return;
    if (count > 1 || this.hasMany) {
      this.report(
        'bad-input',
        `takes one ${shape}, not a glob or a list`,
        `Name one ${shape}, or declare its kind as 'files'.`,
      );
    } else if (shape === 'file' && this.hasFolder) {
      this.report(
        'bad-input',
        'takes one file, not a folder',
        "Name a file, or declare its kind as 'folder'.",
      );
    } else if (shape === 'folder' && !this.hasFolder && !this.isAbsent()) {
      this.report(
        'bad-input',
        'takes a folder, not a file',
        "Name a folder, or declare its kind as 'file'.",
      );
    }
  }

  /** An optional source that is not there has no shape to complain of. */
  private isAbsent(): boolean {
    const [pattern] = this.patterns;
    return pattern !== undefined && sourceKind(this.options.root, pattern) === 'missing';
  }

  private pathOf(index?: number): string {
    const isList = this.spec.sources.length > 1;
    return `inputs.${this.spec.name}${isList && index !== undefined ? `.${index}` : ''}`;
  }

  private report(code: string, what: string, hint: string, index?: number): void {
    const { spec } = this.options.stage;
    const message = `Input "${this.spec.name}" of ${spec.name} ${what}.`;
    this.diagnostics.push({ code, message, ...placeIn(spec, this.pathOf(index)), hint });
  }
}

function agrees(upstream: Cell, cell: Cell): boolean {
  return Object.entries(upstream.labels).every(
    ([axis, label]) => cell.labels[axis] === undefined || cell.labels[axis] === label,
  );
}

function sharedAxes(upstream: PlannedStage, cell: Cell): string {
  const shared = upstream.spec.matrix.filter(({ axis }) => cell.labels[axis] !== undefined);
  return shared.map(({ axis }) => `${axis} (${cell.labels[axis]})`).join(' and ');
}
