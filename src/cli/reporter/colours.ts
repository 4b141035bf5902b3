/**
 * Colours for what is kept, or said before anything is loaded. Not Node's styleText, which may look at
 * stdout and leave them out.
 */
export const green = (text: string) => `\u001b[32m${text}\u001b[39m`;
export const yellow = (text: string) => `\u001b[33m${text}\u001b[39m`;
export const dim = (text: string) => `\u001b[2m${text}\u001b[22m`;
