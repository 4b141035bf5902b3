/** How a training that went astray is told. Knows no training. */

/** A loss, a gradient or a trained value is not finite; nothing was written. */
export class TrainingDivergedError extends Error {}
