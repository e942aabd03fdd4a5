import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { CheckpointError } from '../errors.ts'
import type { CheckpointPlace } from '../options/checkpointPlace.ts'
import type { TopicPartition } from '../options/kafkaClient.ts'
import type { KafkaSettings } from '../options/kafkaSettings.ts'

/**
 * The place of a partition's checkpoint: the folder `group/topic/partition` inside the folder of all checkpoints, or the row of
 * that name. The folder is created, and is durable when the promise resolves.
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
      // Another process may have created the folder, but not yet synced it.
      if (error.code !== 'EEXIST') throw error
    })
    await sync(dirname(path))
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const remedy = code === 'ENOENT' ? `. The folder ${dirname(path)} does not exist: create it` : ''
    const text = `Cannot create the checkpoint folder ${path}: ${message}${remedy}`
    throw new CheckpointError('ERR_CASSANDRA_CHECKPOINT_IO', text, { location: path, cause })
  }
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch((error: NodeJS.ErrnoException) => {
    // Windows cannot open a folder, and its file system journals names.
    if (process.platform === 'win32') return undefined
    throw error
  })
  try {
    await handle?.sync()
  } finally {
    await handle?.close()
  }
}
