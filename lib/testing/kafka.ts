/** What kind of broker to start. */
export interface KafkaOptions {
  /**
   * Milliseconds after which a group removes a silent member, in both group protocols. At least 1000. A test that kills a
   * consumer waits that long for it. Kafka's default is 45000.
   * @default 6000
   */
  readonly session_timeout_ms?: number
  /** Properties of the broker that override the defaults, for example `{ 'num.partitions': 3 }`. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>
}

/** A running Kafka of one broker. */
export interface Kafka extends AsyncDisposable {
  /** `address:port` of the broker, as clients take it. */
  readonly brokers: string[]
  /** Present with `source: 'maven'`: the file that the broker logs to. {@link stop} removes it. */
  readonly log?: string
  /** How the broker was started; see {@link startKafka}. */
  readonly source: 'environment' | 'maven'
  /** Ends the broker, even if it is paused, and removes its data. Does nothing to a broker from the environment. */
  stop(): Promise<void>
  /**
   * Ends the broker with SIGKILL. Its data stay for {@link start}. Does nothing to a broker that is down.
   * @throws KafkaStartError when the broker came from the environment, or was stopped. `pause`, `resume` and `start` throw
   * the same error.
   */
  kill(): Promise<void>
  /** Freezes the broker (SIGSTOP): its connections stay open but get no answers. Fails when it is down. */
  pause(): Promise<void>
  /** Resumes a paused broker (SIGCONT). Resolves when it answers. */
  resume(): Promise<void>
  /** Starts the broker after {@link kill}, with its data and port. Resolves when it answers. */
  start(): Promise<void>
}
