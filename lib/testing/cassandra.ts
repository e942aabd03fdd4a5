/** What kind of server to start. */
export interface StartOptions {
  /**
   * Number of nodes, 1 to 3, on 127.0.0.1, 127.0.0.2 and 127.0.0.3.
   * @default 1
   */
  readonly nodes?: number
  /**
   * Require a login: `username` and `password` of the result are those of Cassandra's first superuser.
   * @default false
   */
  readonly auth?: boolean
  /**
   * Accept TLS connections only. Needs the package `selfsigned`, which makes a CA and a certificate for
   * 127.0.0.1 to 127.0.0.3 and localhost at every start. With `'mutual'` a client must show a certificate signed by
   * that CA (`require_client_auth` in `cassandra.yaml`); the result has one.
   * @default false
   */
  readonly tls?: boolean | 'mutual'
  /**
   * Acknowledge a write only when it would survive {@link Cassandra.kill} (Cassandra's `commitlog_sync: batch`). Single
   * writes become several times slower. Without it, as with any Cassandra in its default mode, a node that is killed
   * loses what it acknowledged in the last tenth of a second (the period of the commit log's markers, CASSANDRA-13987).
   * @default false
   */
  readonly durable?: boolean
}

/** Where a server came from; see {@link startCassandra} for the order. */
export type Source = 'environment' | 'docker' | 'maven'

/** A running Cassandra. Nodes count from 1. */
export interface Cassandra extends AsyncDisposable {
  /** `address:port` of every node, as cassandra-driver takes them in `contactPoints`. */
  readonly contactPoints: string[]
  /** Name of the data center, as cassandra-driver takes it in `localDataCenter`. */
  readonly localDataCenter: string
  /** CQL port, the same on every node. With several nodes give it to the driver as `protocolOptions.port`. */
  readonly port: number
  /** Present with `auth`. */
  readonly username?: string
  /** Present with `auth`. */
  readonly password?: string
  /** Present with `tls`: the certificate of the CA that signed the server's, as PEM text. */
  readonly ca?: string
  /** Present with `tls: 'mutual'`: a client certificate that the server accepts, as PEM text. */
  readonly clientCert?: string
  /** Present with `tls: 'mutual'`: the private key of `clientCert`, as PEM text (PKCS#8, not encrypted). */
  readonly clientKey?: string
  /** Present with `source: 'maven'`: the log file of every node. They go with {@link stop}. */
  readonly logs?: readonly string[]
  /** Which of the three ways it was started by. */
  readonly source: Source
  /**
   * Ends every node, whatever its state, and removes its data. A second call does nothing more. Does nothing to a
   * server that came from the environment.
   */
  stop(): Promise<void>
  /**
   * Ends node `n` with SIGKILL, so nothing is flushed, paused or not. Its data stay for {@link start}: what was
   * acknowledged before the call is there again (see `durable` for what is acknowledged during the call). Does nothing
   * to a node that is down.
   * @throws CassandraStartError when the server came from the environment, or is stopped; RangeError when there is no
   * node `n`. The same holds for `pause`, `resume` and `start`.
   */
  kill(n: number): Promise<void>
  /** Freezes node `n` (SIGSTOP): its connections stay open and nothing answers. Fails when the node is down. */
  pause(n: number): Promise<void>
  /**
   * Lets a paused node go on (SIGCONT). Resolves when it and the other running nodes answer, agree on the schema and
   * see each other as up. Does nothing to a node that is not paused. Fails when the node is down, or when they do not
   * answer within 300 seconds, with the end of the log of every node.
   */
  resume(n: number): Promise<void>
  /**
   * Starts node `n` after {@link kill}, with its data and address. Resolves when it and the other running nodes answer,
   * agree on the schema and see each other as up. Fails when the node is running, or like {@link resume}.
   */
  start(n: number): Promise<void>
}
