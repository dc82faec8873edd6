"""The page as a response: its policy, and nothing loaded from elsewhere."""

from segmind_swap.emulator import Emulator

from ..calling import JSON, control


async def test_the_page_runs_nothing_but_its_own_script() -> None:
    async with control(Emulator()) as program:
        page = await program.get("/")
        policy = page.headers["content-security-policy"]
        assert (await program.post("/", headers=JSON)).status_code == 405
    assert page.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'sha256-" in policy
    assert "/* script */" not in page.text
    for outside in ("https://", "http:", "@import", "url("):
        assert outside not in page.text.replace("http://www.w3.org/2000/svg", "")
