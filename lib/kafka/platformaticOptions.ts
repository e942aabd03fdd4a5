/** How brokers are reached. */
export interface PlatformaticOptions {
  readonly brokers: readonly string[]
  readonly group_protocol: 'classic' | 'consumer'
  /** Options of the Consumer. */
  readonly kafka_options: Readonly<Record<string, unknown>>
}

/** The module, of which it is known here only that it is one. */
export type Platformatic = typeof import('@platformatic/kafka')
