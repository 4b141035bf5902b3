/** The weights of a model, whichever kind of file holds them. */
import { openGgufWeights } from '../gguf/weights.ts';
import { isGguf } from '../model-place.ts';
import { openWeights, type WeightSource } from './safetensors.ts';

/**
 * @param model a Hugging Face folder, or a GGUF file
 * @throws ModelFileError for missing, damaged or contradictory files
 */
export function openModelWeights(model: string): WeightSource {
  return isGguf(model) ? openGgufWeights(model) : openWeights(model);
}
