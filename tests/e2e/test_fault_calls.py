# SPDX-License-Identifier: ISC
"""The fault matrix, synchronous calls: the provider hangs, drips, cuts bodies, answers HTML, 429, 500, 503 or that there is
no money, at the first call and at every one. I1, I2, I3 hold in each."""
import pytest

from faults import ALL, HOWS, KINDS, LOTS, STUCK, chat, ladder

# Of these the answer comes to nobody, though the call was carried out and paid for.
PAID_AND_LOST = ("hangs, carried out", "drips for ever", "body cut", "body cut, length told so", "empty body",
                 "closes without an answer")
AT_EVERY = [*HOWS] if ALL else ["hangs, carried out", "body cut", "429", "quota"]
# The batch has one try, so that calls come soon.
ONE_TRY = {"policy": {"small": {"batch_retries": 0}}}


@pytest.fixture(scope="module")
def row():
    with ladder("calls", ONE_TRY) as made:
        yield made


@pytest.mark.parametrize("how", KINDS)
def test_I1_I2_I3_at_the_first_call(row, how):
    lost = how in PAID_AND_LOST
    with row(f"the first synchronous call: {how}", int(lost), "a call whose answer was lost" if lost else "") as one:
        one.start(STUCK, chat(match={"nth": 1}, **HOWS[how]))
        if how == "quota":
            one.resume()


@pytest.mark.parametrize("how", AT_EVERY)
def test_I1_I2_I3_at_every_call(row, how):
    """Each item is asked for once more where its answer was lost, and not a third time."""
    lost = how in PAID_AND_LOST
    with row(f"every synchronous call: {how}", LOTS if lost else 0, "one resend per item" if lost else "") as one:
        one.start(STUCK, chat(**HOWS[how]), seconds=7)
