# SPDX-License-Identifier: ISC
"""What the stand-in says when it refuses: OpenAI's error bodies, and the answer type.

Texts follow what OpenAI was seen to send; nothing here decides when to refuse.
"""


class Answer:
    """One HTTP answer: a JSON value, bytes, or a range of a file on disk."""

    def __init__(self, status=200, value=None, raw=None, path=None,
                 content_type="application/json", headers=None):
        self.status = status
        self.value = value
        self.raw = raw
        self.path = path
        self.content_type = content_type
        self.headers = dict(headers or {})


class Refusal(Exception):
    """Raised anywhere while a call is executed; becomes the error answer."""

    def __init__(self, status, message, kind="invalid_request_error", param=None, code=None,
                 headers=None):
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.body = error_body(message, kind, param, code)

    def answer(self):
        return Answer(self.status, self.body, headers=self.headers)


def error_body(message, kind="invalid_request_error", param=None, code=None):
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def no_key():
    return Refusal(401, "You didn't provide an API key. You need to provide your API key in an "
                   "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).")


def wrong_key(key):
    shown = key[:3] + "*" * max(4, len(key) - 7) + key[-4:]
    return Refusal(401, "Incorrect API key provided: %s. You can find your API key at "
                   "https://platform.openai.com/account/api-keys." % shown,
                   code="invalid_api_key")


def no_url(method, path):
    return Refusal(404, "Invalid URL (%s %s)" % (method, path))


def no_file(file_id):
    return Refusal(404, "No such File object: %s" % file_id, param="id")


def no_batch(batch_id):
    return Refusal(404, "No batch found with id '%s'." % batch_id, code="batch_not_found")


def no_model(model):
    return Refusal(404, "The model `%s` does not exist or you do not have access to it." % model,
                   code="model_not_found")


def missing(param):
    return Refusal(400, "Missing required parameter: '%s'." % param, param=param,
                   code="missing_required_parameter")


def wrong_type(param, wanted, got):
    return Refusal(400, "Invalid type for '%s': expected %s, but got %s instead."
                   % (param, wanted, got), param=param, code="invalid_type")


def wrong_value(param, got, supported):
    return Refusal(400, "Invalid value: '%s'. Supported values are: %s."
                   % (got, ", ".join("'%s'" % s for s in supported)),
                   param=param, code="invalid_value")


def unknown_parameter(param):
    return Refusal(400, "Unknown parameter: '%s'." % param, param=param,
                   code="unknown_parameter")


def json_unreadable():
    return Refusal(400, "We could not parse the JSON body of your request. (HINT: This likely "
                   "means you aren't using your HTTP library correctly. The OpenAI API expects "
                   "a JSON payload, but what was sent was not valid JSON.)")


# Codes of a batch that fails validation, with the text that goes with each.
BATCH_ERRORS = {
    "invalid_json_line": "This line is not parseable as valid JSON.",
    "duplicate_custom_id": "The custom_id for this request is a duplicate of another request. "
                           "The custom_id parameter must be unique for each request in a batch.",
    "url_mismatch": "The URL provided for this request does not match the batch endpoint.",
    "model_mismatch": "The provided model does not match the other requests in this batch. "
                      "All requests in a batch must use the same model.",
    "model_not_found": "The provided model does not exist or you do not have access to it.",
    "empty_file": "The input file is empty. Please ensure that the batch contains at least "
                  "one request.",
    "too_many_tasks": "The batch contains too many tasks. The maximum is 50000.",
    "token_limit_exceeded": "Enqueued token limit reached for {model} in organization "
                            "org-standin. Limit: {limit} enqueued tokens. Please try again once "
                            "some in_progress batches have been completed.",
    "missing_required_parameter": "Missing required parameter: '{param}'.",
    "invalid_method": "The method must be POST.",
    "billing_hard_limit_reached": "Billing hard limit has been reached.",
    "cannot_find_file": "Cannot find file {file}, or organization org-standin does not have "
                        "access to it.",
}

NEVER_RUN = {
    "batch_expired": "This request could not be executed before the completion window expired.",
    "batch_cancelled": "This request could not be executed because the batch was cancelled.",
}


def batch_error(code, line=None, param=None, **values):
    text = BATCH_ERRORS.get(code, "The batch failed with code %s." % code)
    return {"code": code, "message": text.format(param=param, **values) if "{" in text else text,
            "param": param, "line": line}
