/** Whether a keyspace is one of Cassandra's own: local, replicated or virtual. */
export function isSystemKeyspace(name: string): boolean {
  return /^system(?:_|$)/.test(name)
}
