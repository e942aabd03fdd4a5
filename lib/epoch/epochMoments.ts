/** Called as the writing of an epoch proceeds. */
export interface EpochMoments {
  /** The epoch is sealed, and all rows of the one before have been sent. Its own rows follow now. */
  readonly sealed?: () => void
  /** All rows have been sent, so those of the next epoch may follow. */
  readonly sent?: () => void
  /** The commit is being recorded. The epoch after the next may be sealed, together with it if the checkpoint can do so. */
  readonly committing?: () => void
}

/** A promise, and the function that resolves it. */
export interface Moment {
  readonly reached: Promise<void>
  readonly reach: () => void
}

export function newMoment(): Moment {
  let reach = () => {}
  const reached = new Promise<void>(resolve => {
    reach = resolve
  })
  return { reached, reach }
}
