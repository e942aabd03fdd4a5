/** Makes `inspect` show all that it can. */
export const everything = { depth: Number.POSITIVE_INFINITY, showHidden: true, maxStringLength: null }
