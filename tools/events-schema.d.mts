/** Where the schema is committed. */
export const schemaFile: string;
/** The JSON Schema of the event union, from its types. */
export function eventsSchema(): Record<string, unknown>;
