/**
 * Turns what users can mend (damaged model files, a diverged training, nothing to train on) into the
 * caller's own kind of error. Knows no engine; anything else is passed on as it is.
 */
import { ModelFileError } from '../lm/model-file-error.ts';
import { NotFiniteError } from '../tensor/optimizer.ts';
import { TrainingDivergedError } from './diverged.ts';
import { MisfitError } from './memory.ts';
import { NoTextsError } from './train.ts';

type UserError = new (message: string, where: { hint?: string; file?: string }) => Error;

export async function translateErrors<T>(Kind: UserError, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ModelFileError) throw new Kind(error.message, { file: error.file });
    if (error instanceof TrainingDivergedError || error instanceof NotFiniteError) {
      throw new Kind(error.message, { hint: 'try a lower learningRate, or a smaller gateInit' });
    }
    if (error instanceof MisfitError) {
      throw new Kind(error.message, { hint: 'give train and eval the same model' });
    }
    if (error instanceof NoTextsError) {
      throw new Kind(error.message, { hint: 'see what templates wrote, and the param visits' });
    }
    throw error;
  }
}
