from db.states import MAY_PASS, Reason
from worker.photos.retry import POLICIES


def test_what_workers_try_again_is_what_may_pass() -> None:
    tried_again = {policy.reason for policy in POLICIES.values() if policy.tries > 1}
    # A page in place of a photo is asked for once more; most files that are no image will stay so.
    assert tried_again - {Reason.NOT_AN_IMAGE} == MAY_PASS - {Reason.CRASHED_WORKER}
