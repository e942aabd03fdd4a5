import { it } from 'vitest'

/** A spec in which another package assigns to inherited names. It fails where prototypes are frozen. */
export const itUnlessFrozen = it.skipIf(Object.isFrozen(Object.prototype))
