import { openKafka } from "../../src/log/kafka.ts";
import { kafkaLogSuite } from "./log_kafka_suite.ts";

kafkaLogSuite("kafka", openKafka);
