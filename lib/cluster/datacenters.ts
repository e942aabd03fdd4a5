import { type Client, type Host, types } from 'cassandra-driver'

/** What the types of the driver leave out. */
interface Profiled {
  readonly profileManager?: {
    getDefaultLoadBalancing(): { getDistance(host: Host): types.distance }
  }
}

/** The datacenters to which a client sends requests. Empty if the client does not tell. */
export function datacentersOf(client: Client): readonly string[] {
  const policy = (client as Profiled).profileManager?.getDefaultLoadBalancing()
  const hosts = client.hosts.values().filter(host => policy?.getDistance(host) === types.distance.local)
  const names = hosts.map(({ datacenter }) => datacenter).filter(name => typeof name === 'string')
  return [...new Set(names)].sort()
}
