!> Steps on the processor, shared among threads by OpenMP.
module cpu_engine
   use, intrinsic :: iso_fortran_env, only: real32, real64
   use engine, only: named, training_engine
   use network, only: backward, descend, forward, layer, squared_error, state
   !$ use omp_lib, only: omp_get_max_threads
   implicit none
   private
   public :: processor_engine, new_processor_engine

   type, extends(training_engine) :: processor_engine
      type(layer) :: layers(3), gradients(3)
      type(state) :: s
      real(real32) :: rate
      real(real64), allocatable :: losses(:)
   contains
      procedure :: prepare
      procedure :: load
      procedure :: learn
      procedure :: loss_of
      procedure :: values
   end type processor_engine

contains

   function new_processor_engine() result(made)
      type(processor_engine) :: made
      character(12) :: threads

      threads = '1'
      !$ write (threads, '(i0)') omp_get_max_threads()
      made%hardware = processor()//', '//trim(threads)//' threads'
      made%arithmetic = 'float32'
      made%tolerance = 1e-5_real64
   end function new_processor_engine

   subroutine prepare(self, sides, batches)
      class(processor_engine), intent(inout) :: self
      integer, intent(in) :: sides(4), batches
      integer :: i

      allocate (self%slots(batches), self%losses(batches))
      do i = 1, batches
         allocate (self%slots(i)%noisy(sides(1), sides(2), 1, sides(4)))
         allocate (self%slots(i)%target(sides(1), sides(2), 1, sides(4)))
      end do
   end subroutine prepare

   subroutine load(self, layers, rate)
      class(processor_engine), intent(inout) :: self
      type(layer), intent(in) :: layers(3)
      real(real32), intent(in) :: rate

      self%layers = layers
      self%gradients = layers  ! for the shapes
      self%rate = rate
   end subroutine load

   subroutine learn(self, which, pairs)
      class(processor_engine), intent(inout) :: self
      integer, intent(in) :: which, pairs

      associate (noisy => self%slots(which)%noisy(:, :, :, :pairs), target => self%slots(which)%target(:, :, :, :pairs))
         call forward(self%layers, noisy, self%s)
         self%losses(which) = squared_error(self%s%output, target)
         call backward(self%layers, self%s, target, self%gradients)
      end associate
      call descend(self%layers, self%gradients, self%rate)
   end subroutine learn

   function loss_of(self, which) result(loss)
      class(processor_engine), intent(inout) :: self
      integer, intent(in) :: which
      real(real64) :: loss

      loss = self%losses(which)
   end function loss_of

   function values(self, name) result(found)
      class(processor_engine), intent(inout) :: self
      character(*), intent(in) :: name
      real(real32), allocatable :: found(:)
      integer :: i, nx, ny

      allocate (found(0))
      nx = size(self%s%output, 1); ny = size(self%s%output, 2)
      if (name == 'conv1') found = flat(self%s%conv1)
      if (name == 'relu1') found = flat(self%s%relu1(1:nx, 1:ny, :, :))
      if (name == 'conv2') found = flat(self%s%conv2)
      if (name == 'relu2') found = flat(self%s%relu2(1:nx, 1:ny, :, :))
      if (name == 'output') found = flat(self%s%output)
      do i = 1, 3
         if (name == named('', 'weight', i)) found = flat(self%layers(i)%weight)
         if (name == named('', 'bias', i)) found = self%layers(i)%bias
         if (name == named('gradient_', 'weight', i)) found = flat(self%gradients(i)%weight)
         if (name == named('gradient_', 'bias', i)) found = self%gradients(i)%bias
      end do
   end function values

   pure function flat(images) result(values)
      real(real32), intent(in) :: images(:, :, :, :)
      real(real32), allocatable :: values(:)

      values = reshape(images, [size(images)])
   end function flat

   !> Return the name of the processor where Linux has it.
   function processor() result(name)
      character(:), allocatable :: name
      character(256) :: line
      integer :: unit, status

      name = 'unknown processor'
      open (newunit=unit, file='/proc/cpuinfo', status='old', action='read', iostat=status)
      if (status /= 0) return
      do while (status == 0)
         read (unit, '(a)', iostat=status) line
         if (status /= 0 .or. index(line, 'model name') /= 1) cycle
         name = trim(adjustl(line(index(line, ':') + 1:)))
         exit
      end do
      close (unit)
   end function processor

end module cpu_engine
