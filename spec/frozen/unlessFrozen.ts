import { it } from 'vitest'

/** A spec in which another package assigns to inherited names. Where prototypes are frozen it would fail, so it is left out. */
export const itUnlessFrozen: (name: string, spec: () => void | Promise<void>) => void = Object.isFrozen(
  Object.prototype,
)
  ? () => {}
  : it
