/** Preloaded into `pipe`: its clock is PIPE_CLOCK_SHIFT_MS ahead (or behind) of the real one. */
const shiftMs = Number(process.env.PIPE_CLOCK_SHIFT_MS ?? 0);
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [RealDate.now() + shiftMs] : args));
  }
  static now() {
    return RealDate.now() + shiftMs;
  }
};
