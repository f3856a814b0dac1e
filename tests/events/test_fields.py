"""The field types that events share."""

from __future__ import annotations

import json

from pydantic import BaseModel

from events.fields import Json
from events.jsontext import loads


class _Holder(BaseModel):
    data: Json


def test_numbers_in_untouched_json_come_back_as_the_numbers_they_were() -> None:
    """A number with a point is neither turned into a string nor changed, at any depth; a string stays one."""
    text = '{"share":0.1,"size":[2.5,7,{"deep":1000.25}],"amount":"12.50","none":null,"yes":true}'
    holder = _Holder(data=loads(text))
    assert json.loads(holder.model_dump_json())["data"] == json.loads(text)
    assert holder.model_dump(mode="json")["data"] == json.loads(text)
