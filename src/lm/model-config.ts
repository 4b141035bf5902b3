/** The shape of a frozen model, wherever it was read from. Knows no file. */

export type Activation = 'gelu' | 'gelu-tanh' | 'swiglu';

export interface ModelConfig {
  readonly family: 'neox' | 'llama';
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Dimensions of each head that turn with the position. */
  readonly rotaryDims: number;
  readonly rotaryBase: number;
  /** Width of the feed-forward layer. */
  readonly intermediate: number;
  readonly normEps: number;
  /** Attention and feed-forward both read the block's input (GPT-NeoX's default). */
  readonly parallelResidual: boolean;
  /** Whether the projections of attention have biases. */
  readonly attentionBias: boolean;
  /** The head's weight is the embedding. */
  readonly tiedHead: boolean;
  readonly vocab: number;
  readonly maxPositions: number;
  readonly activation: Activation;
}
