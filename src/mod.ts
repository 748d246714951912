/**
 * Weir's public API: everything that a pipeline module needs.
 *
 * @module
 */
export { type AvroSchema, type AvroValue, type AvroWritable } from "./codecs/avro.ts";
export { delimited, type DelimitedRow } from "./codecs/delimited.ts";
export { json } from "./codecs/json.ts";
export type { Codec } from "./codecs/mod.ts";
export { text } from "./codecs/text.ts";
export type { Column, Columns, ColumnType, JsonValue, RowOf } from "./columns.ts";
export { type Duration, milliseconds } from "./duration.ts";
export { ConfigError } from "./errors.ts";
export {
  type Aggregate,
  aggregate,
  type AggregateOptions,
  type AggregateRow,
  type ApartFrom,
  type GroupKey,
  type KeyValue,
  type Merged,
  type Results,
} from "./operators/aggregate.ts";
export { approxDistinct } from "./operators/approx_distinct.ts";
export { avg, count, max, min, stddev, sum } from "./operators/aggregates.ts";
export { countByValue, type CountByValueOptions, type CountedRow } from "./operators/count_by_value.ts";
export { first, last, type PickedType } from "./operators/first_last.ts";
export { custom, type CustomOptions, type CustomResult, type CustomType } from "./operators/custom.ts";
export { filter } from "./operators/filter.ts";
export { flatMap } from "./operators/flat_map.ts";
export { groupByKey, type GroupByKeyOptions } from "./operators/group_by_key.ts";
export { type InnerJoinOptions, join, type LeftJoinOptions } from "./operators/join.ts";
export {
  type JoinTopic,
  joinWithin,
  type JoinWithinOptions,
  type LeftJoinWithinOptions,
} from "./operators/join_within.ts";
export { map } from "./operators/map.ts";
export {
  mapWithState,
  type StateChange,
  type StateKey,
  type StateOptions,
} from "./operators/map_with_state.ts";
export { InvalidRecord, type Operator, type RecordContext } from "./operators/mod.ts";
export { type Averaged, movingAverage, type MovingAverageOptions } from "./operators/moving_average.ts";
export {
  reduceByKey,
  type ReduceByKeyOptions,
  type ReducedRow,
  type ReducedType,
} from "./operators/reduce_by_key.ts";
export {
  reduceByKeyAndWindow,
  type ReduceByKeyAndWindowOptions,
} from "./operators/reduce_by_key_and_window.ts";
export {
  csvFile,
  jsonFile,
  type ReferenceSource,
  type ReferenceTable,
  referenceTable,
  type ReferenceTableOptions,
  sqlQuery,
} from "./operators/reference_table.ts";
export { repartition, type RepartitionOptions } from "./operators/repartition.ts";
export { transform } from "./operators/transform.ts";
export { union } from "./operators/union.ts";
export { validate } from "./operators/validate.ts";
export { session, sliding, tumbling, type Window } from "./operators/window.ts";
export {
  type From,
  type Pipeline,
  pipeline,
  type PipelineOptions,
  type Schedule,
  type Source,
} from "./pipeline.ts";
export { fakerUsers, type FakerUsersOptions } from "./producers/faker_users.ts";
export type { Produced, Producer, ProducerRun } from "./producers/mod.ts";
export type { User } from "./producers/random_user.ts";
export { randomUserApi, type RandomUserApiOptions } from "./producers/random_user_api.ts";
export type { Offset, TopicPartition } from "./record.ts";
export {
  cassandraTable,
  type CassandraTableOptions,
  postgresTable,
  type PostgresTableOptions,
  topic,
  type TopicOptions,
} from "./sink.ts";
export { kafka, type SourceOptions } from "./source.ts";
export type { Output, Sink, Stream } from "./stream.ts";
export {
  type CellValue,
  type SentRecord,
  type TableRow,
  type TestCounts,
  type TestDeadLetter,
  type TestOptions,
  testPipeline,
  type TestRecord,
  type TestRun,
  type WrittenRecord,
} from "./testing/test_pipeline.ts";
