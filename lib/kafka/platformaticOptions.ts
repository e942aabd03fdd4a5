/** How to connect to the brokers. */
export interface PlatformaticOptions {
  readonly brokers: readonly string[]
  readonly group_protocol: 'classic' | 'consumer'
  /** Options of the Consumer. */
  readonly kafka_options: Readonly<Record<string, unknown>>
}

/** The module, which is loaded when it is needed. */
export type Platformatic = typeof import('@platformatic/kafka')
