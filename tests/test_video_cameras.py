"""Cameras: the emulated ones of Basler and Micro-Manager, and a UVC camera that is made up."""

import os
import sys
import threading
import time

import numpy as np
import pytest

from spermscope.video import cameras, open_source
from spermscope.video.camera import Camera
from spermscope.video.cameras import Found, list_cameras
from spermscope.video.open import open_reader
from spermscope.video.reader import CameraLost

os.environ.setdefault("PYLON_CAMEMU", "1")  # read once, when pypylon is imported


def take(pictures, count):
    return [next(pictures) for _ in range(count)]


def lost_within_a_second(pictures):
    """Take what still comes; what is said when nothing more does."""
    came_s = [time.monotonic()]

    def drain():
        came_s.extend(time.monotonic() for _ in pictures)

    with pytest.raises(CameraLost) as caught:
        drain()
    assert time.monotonic() - came_s[-1] < 2.0  # a second, and what a busy machine adds
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- UVC ---


class Plugged:
    """Stands for OpenCV's capture of a camera: pictures at 100 fps until it is pulled, or its driver hangs."""

    opened = True

    def __init__(self, number):
        self.number, self.count, self.hang, self.pulled, self.released = number, 0, threading.Event(), False, False

    def isOpened(self):
        return self.opened

    def get(self, _):
        return 100.0

    def read(self):
        time.sleep(0.01)
        while self.hang.is_set() and not self.released:
            time.sleep(0.01)
        if self.pulled:
            return False, None
        self.count += 1
        return True, np.full((24, 32, 3), (0, 0, self.count % 256), np.uint8)

    def release(self):
        self.released = True


@pytest.fixture
def uvc(monkeypatch):
    monkeypatch.setattr("cv2.VideoCapture", Plugged)
    camera = Camera("camera:0")
    yield camera
    camera._capture.release()
    camera.close()


def test_uvc_pictures_are_grey_and_stamped(uvc):
    taken = take(uvc.pictures(), 20)
    times_s = [time_s for _, time_s in taken]
    assert np.all(np.diff(times_s) > 0)
    assert [image[0, 0] for image, _ in taken] == [round(0.299 * (index + 1)) for index in range(20)]
    assert (uvc.rate_hz, uvc.live) == (100.0, True)


@pytest.mark.parametrize("way", ["pulled", "hangs"])
def test_uvc_that_is_pulled_or_hangs_is_lost_within_a_second(uvc, way):
    pictures = uvc.pictures()
    take(pictures, 3)
    if way == "pulled":
        uvc._capture.pulled = True
    else:
        uvc._capture.hang.set()
    assert lost_within_a_second(pictures) == "camera:0: the camera gives no more pictures"


def test_uvc_that_nobody_reads_drops_pictures_and_stays_bounded(uvc):
    pictures = uvc.pictures()
    take(pictures, 1)
    time.sleep(0.4)
    times_s = [time_s for _, time_s in take(pictures, 20)]
    assert uvc._arrived.qsize() <= 16
    assert np.max(np.diff(times_s)) > 0.1


# --- Basler ---


@pytest.fixture
def basler():
    pytest.importorskip("pypylon", reason="needs pypylon")
    camera = open_reader("basler:0")
    camera.device.Width.Value, camera.device.Height.Value = 160, 120
    yield camera
    camera.close()


@pytest.mark.parametrize(
    ("form", "dtype", "most"),
    [
        ("Mono8", np.uint8, 255),
        ("Mono10", np.uint16, 1023),
        ("Mono12", np.uint16, 4095),
        ("Mono16", np.uint16, 65535),
        ("RGB8Packed", np.uint8, 255),
        ("BayerRG8", np.uint8, 255),
        ("BayerRG12", np.uint8, 255),
    ],
)
def test_basler_formats_become_grey(basler, form, dtype, most):
    if form not in basler.device.PixelFormat.Symbolics:
        pytest.skip(f"the emulated camera has no {form}")
    basler.device.PixelFormat.Value = form
    pictures = basler.pictures()
    taken = take(pictures, 3)
    pictures.close()
    for image, _ in taken:
        assert (image.shape, image.dtype) == ((120, 160), dtype)
    assert most / 2 < max(int(image.max()) for image, _ in taken) <= most
    assert np.all(np.diff([time_s for _, time_s in taken]) > 0)


def test_basler_that_falls_silent_is_lost_and_found_again(basler):
    pictures = basler.pictures()
    take(pictures, 2)
    basler.device.TriggerMode.Value = "On"  # waits for a trigger that never comes
    assert lost_within_a_second(pictures) == "basler:0: the camera gives no more pictures"
    basler.close()
    begun = time.monotonic()
    again = open_reader("basler:0")
    take(again.pictures(), 2)
    again.close()
    assert time.monotonic() - begun < 5.0


def test_basler_whose_device_is_gone_is_lost(basler):
    pictures = basler.pictures()
    take(pictures, 2)
    basler.device.DestroyDevice()
    assert "basler:0: the camera" in lost_within_a_second(pictures)
    basler.close()


def test_basler_that_sends_damaged_pictures_leaves_them_out(basler):
    basler.device.ForceFailedBufferCount.Value = 2
    pictures = basler.pictures()
    take(pictures, 1)
    basler.device.ForceFailedBuffer.Execute()
    take(pictures, 6)
    pictures.close()
    assert basler.warnings == ["2 pictures arrived damaged and were left out"]


def test_basler_is_a_source():
    pytest.importorskip("pypylon", reason="needs pypylon")
    with open_source("basler:0", um_per_px=0.5) as source:
        frames = [frame for frame, _ in zip(source, range(36), strict=False)]
    assert [frame.index for frame in frames] == list(range(36))
    assert np.all(np.diff([frame.time_s for frame in frames]) > 0)
    assert source.profile.time_source == "container"


def test_basler_is_found_by_its_serial_number():
    pytest.importorskip("pypylon", reason="needs pypylon")
    serial = next(found.address for found in list_cameras() if found.address.startswith("basler:"))
    reader = open_reader(serial)
    assert len(take(reader.pictures(), 1)) == 1
    reader.close()
    for address in ("basler:7", "basler:12345678", "basler:x"):
        with pytest.raises(ValueError, match=f"{address}: expected basler:0 and so on or a serial number, found"):
            open_reader(address)


# --- Micro-Manager ---


@pytest.fixture
def scope():
    pytest.importorskip("pymmcore_plus", reason="needs pymmcore-plus")
    pytest.importorskip("mm_test_adapters", reason="needs Micro-Manager's demonstration devices (mm-test-adapters)")
    camera = open_reader("micromanager:demo")
    camera.core.setExposure(10)
    yield camera
    camera.close()


@pytest.mark.parametrize(
    ("pixel", "bits", "dtype"), [("8bit", 8, np.uint8), ("16bit", 12, np.uint16), ("32bitRGB", 8, np.uint8)]
)
def test_micromanager_formats_become_grey(scope, pixel, bits, dtype):
    scope.core.setProperty("Camera", "PixelType", pixel)
    if pixel == "16bit":
        scope.core.setProperty("Camera", "BitDepth", bits)
    pictures = scope.pictures()
    taken = take(pictures, 20)
    pictures.close()
    assert all((image.shape, image.dtype) == ((512, 512), dtype) for image, _ in taken)
    assert 0 < max(int(image.max()) for image, _ in taken) < 2**bits
    times_s = [time_s for _, time_s in taken]
    assert np.all(np.diff(times_s) > 0)
    assert scope.warnings == []
    assert scope.um_per_px > 0


def test_micromanager_that_stops_is_lost_and_found_again(scope):
    pictures = scope.pictures()
    take(pictures, 3)
    scope.core.stopSequenceAcquisition()
    assert lost_within_a_second(pictures) == "micromanager:demo: the camera gives no more pictures"
    scope.close()
    begun = time.monotonic()
    again = open_reader("micromanager:demo")
    take(again.pictures(), 2)
    again.close()
    assert time.monotonic() - begun < 5.0


class Unplugged:
    """Stands for a core whose camera's adapter fails at every call, as after its cable was pulled."""

    def __getattr__(self, name):
        raise RuntimeError("Error in device Camera: not connected (10)\nin line 7")


def test_micromanager_whose_adapter_fails_is_lost(scope):
    pictures, core = scope.pictures(), scope.core
    take(pictures, 3)
    scope.core = Unplugged()
    said = lost_within_a_second(pictures)
    assert said == "micromanager:demo: the camera was lost: Error in device Camera: not connected (10)"
    scope.core = core
    core.stopSequenceAcquisition()


def test_micromanager_configurations_that_do_not_work_are_refused(tmp_path):
    pytest.importorskip("pymmcore_plus", reason="needs pymmcore-plus")
    pytest.importorskip("mm_test_adapters", reason="needs Micro-Manager's demonstration devices (mm-test-adapters)")
    (tmp_path / "none.cfg").write_text("Property,Core,Initialize,0\nProperty,Core,Initialize,1\n")
    (tmp_path / "broken.cfg").write_text("Device,Camera,NoSuchLibrary,DCam\n")
    for name in ("none.cfg", "broken.cfg", "absent.cfg"):
        with pytest.raises(ValueError, match="expected a Micro-Manager configuration, found") as caught:
            open_reader(f"micromanager:{tmp_path / name}")
        assert "\n" not in str(caught.value)


# --- lists and extras ---


def test_the_list_has_what_is_there_and_is_quick():
    begun = time.monotonic()
    found = list_cameras()
    assert time.monotonic() - begun < 2.0
    assert all(isinstance(camera, Found) for camera in found)


def test_the_list_is_quick_and_whole_where_a_driver_fails_or_hangs(monkeypatch):
    def fails():
        raise RuntimeError("driver")

    monkeypatch.setattr(cameras, "_list_uvc", lambda: [Found("camera:0", "a")])
    monkeypatch.setattr(cameras, "list_baslers", fails)
    monkeypatch.setattr(cameras, "list_configurations", lambda: time.sleep(4))
    begun = time.monotonic()
    assert list_cameras() == [Found("camera:0", "a")]
    assert time.monotonic() - begun < 2.0


@pytest.mark.parametrize(
    ("address", "package", "name"),
    [("basler:0", "pypylon", "pypylon"), ("micromanager:demo", "pymmcore_plus", "pymmcore-plus")],
)
def test_without_the_extra_one_line_says_what_to_install(monkeypatch, address, package, name):
    for module in [key for key in sys.modules if key.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=rf"{name} for .*, found none: pip install 'spermscope\[cameras\]'") as caught:
        open_reader(address)
    assert "\n" not in str(caught.value)
    assert not [camera for camera in list_cameras() if camera.address.startswith(address.split(":")[0])]


def test_a_camera_lost_while_it_is_probed_is_an_input_that_cannot_be_used(monkeypatch):
    monkeypatch.setattr("cv2.VideoCapture", Plugged)
    monkeypatch.setattr(Plugged, "pulled", True, raising=False)
    monkeypatch.setattr(Plugged, "read", lambda self: (False, None))
    with pytest.raises(ValueError, match="camera:0: the camera gives no more pictures"):
        open_source("camera:0")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system's list is Linux's")
def test_of_the_nodes_of_a_uvc_camera_the_one_with_pictures_is_listed(monkeypatch, tmp_path):
    for node, index, name in (("video0", 0, "Scope"), ("video1", 1, "Scope"), ("video10", 0, "Webcam")):
        (tmp_path / node).mkdir()
        (tmp_path / node / "index").write_text(f"{index}\n")
        (tmp_path / node / "name").write_text(f"{name}\n")
    monkeypatch.setattr(cameras, "_V4L", tmp_path)
    assert cameras._list_uvc() == [Found("camera:0", "Scope"), Found("camera:10", "Webcam")]
