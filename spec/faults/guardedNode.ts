import { mkdtemp, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cassandra } from '../../lib/testing/cassandra.ts'
import { usableJava } from '../../lib/testing/choose.ts'
import { startCluster } from '../../lib/testing/cluster.ts'
import { removeAtEnd } from '../../lib/testing/guard.ts'
import { areJarsIn, fetchJars, jarFolder } from '../../lib/testing/jars.ts'
import { findJava } from '../../lib/testing/java.ts'
import { closedPort } from '../closedPort.ts'
import { jmxProperties, nodetoolFrom } from '../nodetool.ts'
import type { Stage } from './fault.ts'

/** Percentage of its disk that the node may use. It always uses more than one percent, because the disk is small. */
export const DISK_PERCENT = { calm: 90, full: 1 } as const

/** How far a write time may lie from the clock of the node. */
export const TIME_LIMIT = '1h'

/**
 * Guardrails of the node. They do not apply to superusers. That of the disk is never switched off, because the node would then
 * keep its last state.
 */
const guardrails = {
  write_consistency_levels_disallowed: ['ONE'],
  column_value_size_fail_threshold: '1KiB',
  items_per_collection_fail_threshold: 3,
  minimum_timestamp_fail_threshold: TIME_LIMIT,
  maximum_timestamp_fail_threshold: TIME_LIMIT,
  data_disk_usage_max_disk_size: '5MiB',
  data_disk_usage_percentage_fail_threshold: DISK_PERCENT.calm,
}

/** A node that asks for a login and has guardrails. */
export interface GuardedNode extends Cassandra {
  readonly setGuardrail: NonNullable<Stage['setGuardrail']>
}

export async function startGuardedNode(): Promise<GuardedNode> {
  const jars = await jarFolder()
  if (!(await areJarsIn(jars))) await fetchJars(jars)
  const java = usableJava(await findJava())?.command ?? 'java'
  const jmxPort = await closedPort()
  const cassandra = await startCluster({
    nodes: 1,
    auth: true,
    tls: false,
    durable: false,
    java,
    jars,
    yaml: guardrails,
    properties: { ...jmxProperties(jmxPort), 'cassandra.disk_usage.monitor_interval_ms': 200 },
  })
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'cassandra-streams-nodetool-'))
  removeAtEnd(folder)
  const nodetool = await nodetoolFrom({ java, jars, folder: join(folder, 'nodetool') })
  return {
    ...cassandra,
    setGuardrail: async (name, ...values) => {
      await nodetool(jmxPort, 'setguardrailsconfig', name, ...values.map(String))
    },
  }
}
