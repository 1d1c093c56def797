/** The formats and the sides of a dataset by name: plain words, so that the command line knows them without a schema library. */
export const formats = ['openai', 'trl', 'sharegpt', 'atif', 'adp', 'parquet'] as const;
export type Format = (typeof formats)[number];

/** In the order in which they are told of. */
export const splits = ['train', 'validation', 'test'] as const;
export type Split = (typeof splits)[number];
