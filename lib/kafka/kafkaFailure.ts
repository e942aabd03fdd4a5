import { wordsOf } from '../cluster/failure.ts'
import { KafkaError, type KafkaErrorDetails } from '../errors.ts'
import { errorsIn, isError } from '../realm.ts'

/** Maximum number of reasons that are quoted. */
const MOST_REASONS = 3

/** Longest chain of causes that is followed. */
const MOST_CAUSES = 5

/** The text of a client's error, with the reasons inside it: those of an AggregateError, or its cause. */
export function kafkaWordsOf(error: unknown, depth = MOST_CAUSES): string {
  const words = wordsOf(error)
  if (!isError(error) || depth === 0) return words
  const several = errorsIn(error) ?? []
  const inner = several.length > 0 ? several : [error.cause]
  const reasons = inner.filter(isError).map(each => kafkaWordsOf(each, depth - 1))
  const news = [...new Set(reasons)].filter(reason => !words.includes(reason)).slice(0, MOST_REASONS)
  return news.length === 0 ? words : `${words.replace(/[.:]?$/, ':')} ${news.join('; ')}`
}

/** @param what says what the client cannot do, for example `Group orders cannot be joined` */
export function kafkaFailure(what: string, cause: unknown, details: KafkaErrorDetails = {}): KafkaError {
  if (cause instanceof KafkaError) return cause
  return new KafkaError('ERR_CASSANDRA_KAFKA', `${what}: ${kafkaWordsOf(cause)}`, { ...details, cause })
}
