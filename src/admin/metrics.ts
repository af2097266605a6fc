// The figures of the cluster in Prometheus' text format (version 0.0.4).
import type { WorkerView } from '../connections/record.js';
import { version } from '../version.js';

interface Metric {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly value: (worker: WorkerView) => number;
}

const metrics: readonly Metric[] = [
  { name: 'pear_peers', type: 'gauge', help: 'Open connections.', value: ({ record }) => record.peers },
  {
    name: 'pear_queued_images',
    type: 'gauge',
    help: 'Images that wait.',
    value: ({ record }) => record.queued,
  },
  {
    name: 'pear_in_flight_images',
    type: 'gauge',
    help: 'Images being decoded or inferred.',
    value: ({ record }) => record.in_flight,
  },
  {
    name: 'pear_requests_total',
    type: 'counter',
    help: 'Requests received.',
    value: ({ record }) => record.requests,
  },
  {
    name: 'pear_images_total',
    type: 'counter',
    help: 'Images answered.',
    value: ({ record }) => record.images,
  },
  {
    name: 'pear_errors_total',
    type: 'counter',
    help: 'Errors answered.',
    value: ({ record }) => record.errors,
  },
  {
    name: 'pear_received_bytes_total',
    type: 'counter',
    help: 'Bytes from connections.',
    value: ({ record }) => record.bytes_in,
  },
  {
    name: 'pear_sent_bytes_total',
    type: 'counter',
    help: 'Bytes to connections.',
    value: ({ record }) => record.bytes_out,
  },
  {
    name: 'pear_helped_images_total',
    type: 'counter',
    help: 'Images judged for other workers of the host.',
    value: ({ record }) => record.helped,
  },
  {
    name: 'pear_worker_report_age_seconds',
    type: 'gauge',
    help: 'Age of what the worker reported.',
    value: ({ ageMs }) => ageMs / 1000,
  },
];

/** One line a metric and worker of `workers`; each host is scraped by itself, so give it its own workers only. */
export function prometheusText(workers: readonly WorkerView[]): string {
  const lines = [
    '# HELP pear_info The version that runs.',
    '# TYPE pear_info gauge',
    `pear_info{version="${version}"} 1`,
  ];
  for (const { name, type, help, value } of metrics) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const worker of workers) {
      lines.push(`${name}{host="${worker.record.host}",worker="${worker.record.worker}"} ${value(worker)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
