import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { logbackXml } from '../lib/testing/config.ts'
import { type JvmSettings, javaCommand, type Properties } from '../lib/testing/jvm.ts'

/** Longest time in milliseconds for a command. A change of the ring on a busy machine takes minutes. */
const TIMEOUT_MS = 400_000

/** Runs nodetool at the node with this JMX port. Resolves to its output. */
export type Nodetool = (jmxPort: number, ...args: string[]) => Promise<string>

/** Lets a node listen for nodetool on this port of 127.0.0.1. */
export function jmxProperties(port: number): Properties {
  return { 'cassandra.jmx.local.port': port }
}

/** @param settings with a folder that does not exist yet, for what nodetool writes */
export async function nodetoolFrom({
  java,
  jars,
  folder,
}: Pick<JvmSettings, 'java' | 'jars' | 'folder'>): Promise<Nodetool> {
  await mkdir(folder)
  await writeFile(join(folder, 'logback.xml'), logbackXml(folder))
  const properties = { 'user.home': folder }
  const daemon = javaCommand({ java, jars, folder, heapMegabytes: 64, nodes: 1, properties })
  const [command = '', ...options] = daemon.slice(0, -1)
  return async (jmxPort, ...args) => {
    const at = ['org.apache.cassandra.tools.NodeTool', '-h', '127.0.0.1', '-p', String(jmxPort)]
    return (await promisify(execFile)(command, [...options, ...at, ...args], { timeout: TIMEOUT_MS })).stdout
  }
}
