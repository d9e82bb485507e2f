#!/usr/bin/env bash
# Checks started containers from outside: ready within two minutes, a real vqa answer, its row in the report.
set -euo pipefail
cd "$(dirname "$0")/.."
transmitter=http://127.0.0.1:${SEMCOM_TRANSMITTER_HTTP_PORT:-8000}
channel=http://127.0.0.1:${SEMCOM_CHANNEL_HTTP_PORT:-8001}

for _ in $(seq 120); do
    curl --silent --fail --output /dev/null "$transmitter/readyz" && break
    sleep 1
done

answer=$(curl --silent --show-error --fail-with-body --max-time 60 \
    --form 'text=what color is the shape?' --form image=@samples/vqa/red_circle.png \
    "$transmitter/transmit?task=vqa&channel=awgn&snr_db=12&seed=1&frame_number=1")
report=$(curl --silent --show-error --fail-with-body --max-time 60 "$channel/reports/overhead?task=vqa")

python3 - "$answer" "$report" <<'PY'
import json
import sys

answer, report = map(json.loads, sys.argv[1:])
assert answer["answer"]["label"] == "red", answer["answer"]
assert answer["overhead"]["channel_uses"] == 16, answer["overhead"]
assert answer["overhead"]["payload_bytes"] == 128, answer["overhead"]
assert report[0]["num_instances"] >= 1, report
print(f"compose check: vqa answered {answer['answer']['label']!r} in {answer['latency_ms']['total']:.1f} ms")
PY
