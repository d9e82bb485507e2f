"""Requests drawn from the OpenAPI schema, and requests that break it, never end in a 500."""

import schemathesis
from gateway_fakes import PICTURE, Gateway, png_of
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from test_media import audio_file, greys, tone, video_file

from shared.tasks import TASKS

EXPECTED_STATUSES = (200, 404, 405, 413, 415, 422, 503)  # 503: one task has no weights
LIMITS = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

schema = schemathesis.openapi.from_asgi("/openapi.json", Gateway().build())
schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@schema.include(path_regex="^/(transmit|tasks|systems)$").parametrize()
@LIMITS
def test_requests_from_the_schema_find_no_500(case):
    response = case.call()
    assert response.status_code in EXPECTED_STATUSES, response.text


_MEDIA = {
    "text": (None, b"what shape is present?"),
    "image": ("image", png_of(PICTURE)),
    "audio": ("audio", audio_file(tone())),
    "video": ("video", video_file(greys(3), "avi", "mjpeg")),
}
_GOOD_PARAMETERS = st.sampled_from(
    [("channel", "rician"), ("k_factor_db", "0"), ("snr_db", "-6.5"), ("csi", "none"), ("num_pilots", "8"),
     ("seed", str(2**64 - 1)), ("frame_number", "0"), ("encoding", "int8"), ("link", "north")]
)  # fmt: skip
_WILD_NAMES = st.sampled_from(["task", "system", "snr_db", "seed", "encoding", "num_pilots", "link", "extra"])
_WILD_VALUES = st.sampled_from(["", "NaN", "-inf", "1e9", "true", "é", "\x00"]) | st.text(max_size=8)
_FIELDS = st.sampled_from([*_MEDIA, "extra", ""])
_CONTENTS = st.sampled_from([b"", b"\xff\xd8\xff", *(data for _, data in _MEDIA.values())]) | st.binary(
    max_size=32
)
_WILD_BODIES = st.one_of(
    st.fixed_dictionaries(
        {"json": st.dictionaries(_FIELDS, st.none() | st.text(max_size=8) | st.integers())}
    ),
    st.fixed_dictionaries(
        {"files": st.lists(st.tuples(_FIELDS, st.tuples(st.none() | st.just("f"), _CONTENTS)))}
    ),
    st.fixed_dictionaries(
        {
            "content": st.binary(max_size=64),
            "headers": st.sampled_from(
                ["application/json", "multipart/form-data", "multipart/form-data; boundary=b", "x/y", ""]
            ).map(lambda media_type: {"content-type": media_type}),
        }
    ),
)


@st.composite
def transmissions(draw):
    """A request that is right, or with a wild task, query or body."""
    task = draw(st.sampled_from(list(TASKS)))
    parameters = draw(st.lists(_GOOD_PARAMETERS, max_size=3, unique_by=lambda pair: pair[0]))
    body = {"files": [(modality, _MEDIA[modality]) for modality in TASKS[task].modalities]}
    wild = draw(st.sets(st.sampled_from(["task", "query", "body"])))
    if "task" in wild:
        task = draw(st.sampled_from(["poetry", "", "\x00"]) | st.text(max_size=8))
    if "query" in wild:
        parameters.append((draw(_WILD_NAMES), draw(_WILD_VALUES)))
    if "body" in wild:
        body = draw(_WILD_BODIES)
    return [("task", task), *parameters], body


def test_wild_requests_find_no_500():
    statuses = set()

    @LIMITS
    @given(transmissions())
    def send(transmission):
        parameters, body = transmission
        response = Gateway().request("POST", "/transmit", params=parameters, **body)
        statuses.add(response.status_code)
        assert response.status_code in EXPECTED_STATUSES, response.text
        assert response.status_code == 200 or response.json()["error"]["message"]

    send()
    assert {200, 404, 415, 422} <= statuses  # else nothing much was tried
