/**
 * A stage's description taken out of its bundle: words for people change no output, so they must not
 * change the code's digest. What runs is what is hashed: it has an empty description. Knows no bundler.
 *
 * Only a plain text that stands first in what `defineStage` is given is taken out, as esbuild prints it;
 * anything else stays in the digest, which costs a rebuild and no more.
 */
const STAGE =
  /(\bdefineStage\d*\(\{\n\s*description: )("(?:[^"\\\n]|\\.)*"|`(?:[^`\\$]|\\.)*`)(?=,?\n)/;

export interface Worded {
  readonly text: string;
  /** Undefined where it was left in the text. */
  readonly description: string | undefined;
}

export function withoutDescription(bundled: string): Worded {
  const [, before, literal] = STAGE.exec(bundled) ?? [];
  if (before === undefined || literal === undefined)
    return { text: bundled, description: undefined };
  const at = bundled.indexOf(before + literal) + before.length;
  return {
    text: `${bundled.slice(0, at)}""${bundled.slice(at + literal.length)}`,
    description: literal.slice(1, -1).replace(/\\(["'`\\])/g, '$1'),
  };
}
