/** What the engine needs of the YAML library, to be bundled with it and loaded as one file. */
export { isAlias, isMap, isScalar, isSeq, LineCounter, parse, parseDocument, visit } from 'yaml';
