import { AbortedTransactions } from './abortedTransactions.ts'
import type { KafkaJs } from './kafkaJsLibrary.ts'
import type { RawMessage } from './kafkaJsRecord.ts'

/** Messages of one partition in a response. */
interface FetchedPartition {
  readonly messages: readonly RawMessage[]
  abortedTransactions?: readonly { readonly producerId: string; readonly firstOffset: string }[] | null
}

interface FetchResponse {
  readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[]
}

interface KafkaJsBroker {
  fetch(request: object): Promise<FetchResponse>
}

interface KafkaJsCluster {
  findBroker(wanted: object): Promise<KafkaJsBroker>
}

type CreateCluster = (options: object) => KafkaJsCluster

/** Name of the symbol under which an instance of KafkaJS makes the cluster of a consumer. */
const CREATE_CLUSTER = 'private:Kafka:createCluster'

/** Messages from which those of aborted transactions are left out. */
const filtered = new WeakSet<readonly RawMessage[]>()

/**
 * The same instance, with consumers that leave out all messages of aborted transactions. Those of KafkaJS deliver some: they take
 * the aborted transactions in the order of their ends for that of their beginnings, and a message with the key 00 00 00 00 for the
 * end of a transaction. Returns the instance itself if it is of another version.
 */
export function withoutAborted(kafka: KafkaJs): KafkaJs {
  const name = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER)
  const create: unknown = name && Reflect.get(kafka, name)
  if (name === undefined || typeof create !== 'function') return kafka
  const value: CreateCluster = options => filtering((create as CreateCluster)(options))
  return Object.create(kafka, { [name]: { value } }) as KafkaJs
}

function filtering(cluster: KafkaJsCluster): KafkaJsCluster {
  const known = new WeakSet<KafkaJsBroker>()
  const find = cluster.findBroker.bind(cluster)
  cluster.findBroker = async wanted => {
    const broker = await find(wanted)
    if (known.has(broker)) return broker
    known.add(broker)
    const fetch = broker.fetch.bind(broker)
    broker.fetch = async request => {
      const response = await fetch(request)
      for (const { partitions } of response.responses) partitions.forEach(leaveOutAborted)
      return response
    }
    return broker
  }
  return cluster
}

/** Marks messages of aborted transactions as records that KafkaJS leaves out. It still counts their offsets. */
export function leaveOutAborted(partition: FetchedPartition): void {
  const { messages, abortedTransactions } = partition
  filtered.add(messages)
  if (!abortedTransactions?.length) return
  // KafkaJS then leaves out no others.
  partition.abortedTransactions = []
  const aborted = new AbortedTransactions(
    abortedTransactions.map(({ producerId, firstOffset }) => ({
      producerId: BigInt(producerId),
      firstOffset: BigInt(firstOffset),
    })),
  )
  for (const message of messages) {
    const { offset, key, isControlRecord, batchContext } = message
    if (batchContext === undefined) continue
    const producerId = BigInt(batchContext.producerId)
    aborted.reach(BigInt(offset))
    if (isControlRecord === true) aborted.end(producerId, key)
    else if (batchContext.inTransaction && aborted.has(producerId)) message.isControlRecord = true
  }
}

/** Whether messages may be among these that belong to aborted transactions. */
export function mayBeAborted(messages: readonly RawMessage[] | undefined): boolean {
  if (messages === undefined || filtered.has(messages)) return false
  return messages.some(({ batchContext }) => batchContext?.inTransaction === true)
}
