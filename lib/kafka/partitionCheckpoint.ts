import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { CheckpointError } from '../errors.ts'
import type { CheckpointPlace } from '../options/checkpointPlace.ts'
import type { TopicPartition } from '../options/kafkaClient.ts'
import type { KafkaSettings } from '../options/kafkaSettings.ts'

/**
 * Where a partition's checkpoint is kept: the folder `group/topic/partition` below that of all, or the row of that name. The
 * folder is there, also after a power loss, when this resolves.
 * @throws CheckpointError
 */
export async function partitionCheckpoint(
  { checkpoint, group_folder }: Pick<KafkaSettings, 'checkpoint' | 'group_folder'>,
  { topic, partition }: TopicPartition,
): Promise<CheckpointPlace> {
  if (typeof checkpoint !== 'string') return { ...checkpoint, name: `${group_folder}/${topic}/${partition}` }
  let location = checkpoint
  for (const name of [group_folder, topic, String(partition)]) {
    location = join(location, name)
    await makeFolder(location)
  }
  return location
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path).catch((error: NodeJS.ErrnoException) => {
      // Another process may have been faster, and may not have come to the next step.
      if (error.code !== 'EEXIST') throw error
    })
    await sync(dirname(path))
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const remedy = code === 'ENOENT' ? `. The folder ${dirname(path)} does not exist: create it` : ''
    const text = `Cannot make the checkpoint folder ${path}: ${message}${remedy}`
    throw new CheckpointError('ERR_CASSANDRA_CHECKPOINT_IO', text, { location: path, cause })
  }
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch((error: NodeJS.ErrnoException) => {
    // Windows opens no folders, and keeps names without.
    if (process.platform === 'win32') return undefined
    throw error
  })
  try {
    await handle?.sync()
  } finally {
    await handle?.close()
  }
}
