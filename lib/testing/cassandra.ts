/** What kind of server to start. */
export interface StartOptions {
  /**
   * Number of nodes, 1 to 3, on 127.0.0.1, 127.0.0.2 and 127.0.0.3.
   * @default 1
   */
  readonly nodes?: number
  /**
   * Require a login. The result has `username` and `password` of Cassandra's first superuser.
   * @default false
   */
  readonly auth?: boolean
  /**
   * Accept TLS connections only. Needs the package `selfsigned`, which makes a CA and a certificate for
   * 127.0.0.1 to 127.0.0.3 and localhost at every start. With `'mutual'` a client must present a certificate signed by
   * that CA (`require_client_auth` in `cassandra.yaml`). The result has such a certificate.
   * @default false
   */
  readonly tls?: boolean | 'mutual'
  /**
   * Acknowledge a write only when it would survive {@link Cassandra.kill} (Cassandra's `commitlog_sync: batch`). Single
   * writes become several times slower. Without it, a node that is killed loses writes that it acknowledged in the last
   * tenth of a second. That is Cassandra's default: it writes markers to the commit log at this interval (CASSANDRA-13987).
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
  /** Present with `source: 'maven'`: the log file of every node. {@link stop} removes them. */
  readonly logs?: readonly string[]
  /** How the server was started. */
  readonly source: Source
  /**
   * Ends every node, whatever its state, and removes its data. A second call does nothing more. Does nothing to a
   * server that came from the environment.
   */
  stop(): Promise<void>
  /**
   * Ends node `n` with SIGKILL, so nothing is flushed. The node may be paused. Its data stay for {@link start}, with all
   * writes that were acknowledged before the call (see `durable` for those acknowledged during the call). Does nothing to a
   * node that is down.
   * @throws CassandraStartError when the server came from the environment, or was stopped; RangeError when there is no
   * node `n`. `pause`, `resume` and `start` throw the same errors.
   */
  kill(n: number): Promise<void>
  /** Freezes node `n` (SIGSTOP): its connections stay open but get no answers. Fails when the node is down. */
  pause(n: number): Promise<void>
  /**
   * Resumes a paused node (SIGCONT). Resolves when all running nodes answer, agree on the schema and see each other as up.
   * Does nothing to a node that is not paused. Fails when the node is down. Also fails when the nodes are not ready within
   * 300 seconds; the error then has the end of the log of every node.
   */
  resume(n: number): Promise<void>
  /**
   * Starts node `n` after {@link kill}, with its data and address. Resolves when all running nodes answer, agree on the
   * schema and see each other as up. Fails when the node is running, or when the nodes are not ready within 300 seconds.
   */
  start(n: number): Promise<void>
}
