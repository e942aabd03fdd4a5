/** Options with which `inspect` shows everything. */
export const everything = { depth: Number.POSITIVE_INFINITY, showHidden: true, maxStringLength: null }
