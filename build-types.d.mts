/** Writes types/, the declarations of the published package. */
export function buildTypes(): void;
