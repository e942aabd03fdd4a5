/** What kind of broker to start. */
export interface KafkaOptions {
  /**
   * Milliseconds after which a group gives up a member that is silent, in both group protocols. Kafka's own values are 45
   * seconds; a test that kills consumers waits that long for each of them. At least 1000.
   * @default 6000
   */
  readonly session_timeout_ms?: number
  /** Properties of the broker, over those that it is started with: `{ 'num.partitions': 3 }`. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>
}

/** A running Kafka of one broker. */
export interface Kafka extends AsyncDisposable {
  /** `address:port` of the broker, as clients take it. */
  readonly brokers: string[]
  /** Present with `source: 'maven'`: the file that the broker logs to. It goes with {@link stop}. */
  readonly log?: string
  /** Where it came from; see {@link startKafka}. */
  readonly source: 'environment' | 'maven'
  /** Ends the broker, whatever its state, and removes its data. Does nothing to one that came from the environment. */
  stop(): Promise<void>
  /**
   * Ends the broker with SIGKILL. Its data stay for {@link start}. Does nothing to a broker that is down.
   * @throws KafkaStartError when the broker came from the environment, or is stopped. The same holds for `pause`,
   * `resume` and `start`.
   */
  kill(): Promise<void>
  /** Freezes the broker (SIGSTOP): its connections stay open and nothing answers. Fails when it is down. */
  pause(): Promise<void>
  /** Lets a paused broker go on (SIGCONT), and resolves when it answers. */
  resume(): Promise<void>
  /** Starts the broker after {@link kill}, with its data and port. Resolves when it answers. */
  start(): Promise<void>
}
