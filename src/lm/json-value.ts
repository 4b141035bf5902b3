/** Values that JSON can hold; `src/lm` shares no module with the build system. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };
