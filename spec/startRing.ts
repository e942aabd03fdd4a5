import type { Cassandra } from '../lib/testing/cassandra.ts'
import { usableJava } from '../lib/testing/choose.ts'
import { startCluster } from '../lib/testing/cluster.ts'
import { areJarsIn, fetchJars, jarFolder } from '../lib/testing/jars.ts'
import { findJava } from '../lib/testing/java.ts'

/** Starts nodes with this number of tokens each, or with these tokens. */
export async function startRing(
  nodes: number,
  tokens: number | readonly (readonly bigint[])[],
): Promise<Cassandra> {
  const jars = await jarFolder()
  if (!(await areJarsIn(jars))) await fetchJars(jars)
  const java = usableJava(await findJava())?.command ?? 'java'
  return await startCluster({ nodes, tokens, auth: false, tls: false, durable: false, java, jars })
}
