export type { CheckpointTable } from '../options/checkpointPlace.ts'
export type {
  ConnectKafka,
  GroupListener,
  KafkaClient,
  KafkaMessage,
  KafkaRecord,
  PartitionLog,
  Subscription,
  TakeRecords,
  TopicOffset,
  TopicPartition,
} from '../options/kafkaClient.ts'
export type { KafkaSinkOptions, KafkaStart } from '../options/kafkaOptions.ts'
export { kafkaJsConsumer } from './kafkaJsClient.ts'
export type { KafkaJs, KafkaJsOptions } from './kafkaJsLibrary.ts'
export type { KafkaSinkStats } from './kafkaStats.ts'
export { type KafkaSink, runKafkaSink } from './runKafkaSink.ts'
