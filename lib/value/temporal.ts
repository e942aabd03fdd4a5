type TemporalName = 'Instant' | 'ZonedDateTime' | 'PlainDate' | 'PlainTime' | 'Duration'

/** Recognized by its tag, because Temporal is built in on some runtimes and a polyfill on others. */
export function isTemporal(value: object, name: TemporalName): boolean {
  return tagOf(value) === `Temporal.${name}`
}

/** These classes are immutable. */
export function isAnyTemporal(value: object): boolean {
  const tag = tagOf(value)
  return typeof tag === 'string' && tag.startsWith('Temporal.')
}

function tagOf(value: object): unknown {
  return (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
}

/** A PlainDate or PlainTime as ISO 8601 text. A date of another calendar becomes its ISO date. */
export function temporalText(value: object): string {
  return (value as { toString(options: object): string }).toString({ calendarName: 'never' })
}
